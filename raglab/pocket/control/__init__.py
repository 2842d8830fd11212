"""What controllers share: the loop they run on, ownership, and the arithmetic of rollouts."""
