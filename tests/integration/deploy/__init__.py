"""What stands in deploy/, the image and the workflow: started where that is possible, else read by the tools that will read it."""
