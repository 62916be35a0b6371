"""The field: punch items, observations, inspections, incidents, photos and meetings."""
