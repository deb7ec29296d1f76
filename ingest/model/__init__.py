"""The values that the stages hand to each other. They know nothing else of the project and do no I/O."""
