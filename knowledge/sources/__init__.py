"""Reading literature: PubMed, PMC, records and textbooks in five formats become documents."""
