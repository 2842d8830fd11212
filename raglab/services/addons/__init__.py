"""Add-ons: programs that stand in for what real clusters get from upstream charts."""
