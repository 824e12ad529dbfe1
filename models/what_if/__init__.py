"""What a trained KnoBo does when concepts are answered, changed or left out."""
