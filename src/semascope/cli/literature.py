"""The verbs about published methods: methods, check, cite."""
