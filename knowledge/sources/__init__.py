"""Reading literature: PubMed XML, records, Markdown and plain text become documents."""
