"""The carriers that take messages to people: one adapter for each channel, chosen by an address in the settings.

A carrier is asked outside every transaction, with a reference of our own, and never raises for what a carrier may
answer: a network that fails, a machine that is busy and an answer nobody understands all mean *later*.
"""

from bekal.messaging.channels.carrier import Carrier, Delivery, Letter, Verdict
from bekal.messaging.channels.chosen import CarrierAddressError, carriers

__all__ = ["Carrier", "CarrierAddressError", "Delivery", "Letter", "Verdict", "carriers"]
