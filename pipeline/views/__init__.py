"""What people look at: status, rows, verification, the life of one link."""
