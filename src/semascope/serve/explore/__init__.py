"""Our own routes under /x/: what the web app is made of, and anybody's program may use."""
