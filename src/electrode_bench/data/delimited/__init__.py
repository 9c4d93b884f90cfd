"""Tables in text files, whatever program wrote them: encodings, delimiters, quotation marks and decimal commas.

Raw snapshots and lists of candidates are read by the same rules.
"""
