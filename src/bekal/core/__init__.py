"""The programme's decisions as pure Python: no Django, no database, no network, no clock.

The day is always an argument. Money is whole rupiah (:mod:`bekal.core.money`), rules are dated and cited data
(:mod:`bekal.core.rules`), the calendar is :mod:`bekal.core.schedule`, who may do what is :mod:`bekal.core.entitlement`.
"""
