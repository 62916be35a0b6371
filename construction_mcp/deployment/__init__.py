"""Turning a checked draft into something that runs: facts from Procore, consent, activation, and going back.

`facts` asks what the compiler has to be told, `starting` makes and removes what starts a version, `deploy` joins both
with the compiler and the store. Whatever is done at Procore is undone when the transaction that needs it fails; what a
crash leaves in between is known as not live and removed at the next deployment or start.
"""
