"""What a report looks like: in a terminal, as JSON, HTML, JUnit, Markdown, a badge."""
