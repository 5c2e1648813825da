"""What leaves mien: tables, drawn pictures, annotated videos and the HTML report. Values in, files out; nothing here analyses anything."""
