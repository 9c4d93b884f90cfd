"""Screened candidates for people: one HTML file that needs no network, and the figure for a paper.

``shown`` holds what is shown, ``data`` what the script draws, ``build`` puts template, style sheet and scripts into one
file, ``figure`` draws energy against voltage, and ``write`` writes all of it.
"""
