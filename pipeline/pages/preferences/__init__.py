"""What hosts and pages say of the use of their texts, in every form that is in use."""
