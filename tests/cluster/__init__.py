"""Clusters of real processes under faults, with a judge: nothing acknowledged is lost or counted twice."""
