"""The report's page: all results in one HTML file that needs no network.

``results`` holds what is shown, ``content`` and ``answer`` make the text and the tables, ``data`` what the script
draws, and ``build`` puts them with template, style sheet and scripts into one file. Numbers are rounded, and nothing
tells the machine or the time, so that equal results give equal bytes.
"""
