"""What enters the prompt pool, and what is known about each prompt afterwards."""
