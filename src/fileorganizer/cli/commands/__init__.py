"""One module a group of commands; each is loaded when it is called."""
