"""The catalogues of the pages: collected from templates and code, merged, compiled (`python -m gateway.translations`).

Sentences stand in the code in English. Both forms are kept in the repository, so that a clone needs no step; a test
checks that they match what the pages say.
"""
