"""What a mistake looks like: each rule takes a node of a syntax tree and gives what could stand there."""
