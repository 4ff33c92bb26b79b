"""A simulated community whose causes are known: configuration in, a landing folder and a sealed truth out.

``config.py`` holds every knob, ``simulation.py`` the one function to call. ``world.py`` walks through the months:
``population.py``, ``links.py``, ``uploads.py``, ``favorites.py`` and ``groups.py`` hold what people do,
``assets.statistics.behaviour`` how they react, ``draws.py`` where chance comes from. ``community_folder.py``,
``images.py`` and ``crowd.py`` write what the platform may see; ``truth.py`` and ``potential_outcomes.py`` what it may
not.
``renderer.py`` and the ``scene_*`` modules draw the photos; ``targets.py`` compares with what is known of Flickr.
"""
