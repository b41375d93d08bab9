"""How good is an encoder on a person's own tasks, with labels or without?"""
