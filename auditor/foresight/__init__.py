"""What is foreseen of losses, for operators and programs: `auditor foresee`."""
