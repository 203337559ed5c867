"""Where prompts come from: procedural tasks, files and hub repositories."""
