"""What all pages share: how their files are joined, the colours, and the style of text, tables and fields.

A page is a package with folders ``assets`` (style sheets and scripts) and ``templates``.
"""
