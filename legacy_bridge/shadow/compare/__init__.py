"""Live pairs compared by the parity engine's rules and waivers. Assemblies use it (decision 0005)."""

from legacy_bridge.shadow.compare.reads import ReadComparer, compare_reads

__all__ = ["ReadComparer", "compare_reads"]
