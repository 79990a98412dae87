#!/usr/bin/env python3
"""Placeholder until the next commit."""
