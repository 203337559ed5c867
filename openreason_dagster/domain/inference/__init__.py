"""What is asked of a model, how the answer is split, and how sampling is accounted for."""
