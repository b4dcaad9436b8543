"""Profile codes as rows of the model's tables: one row for each value of each attribute that training people had."""

from dataclasses import dataclass

import numpy as np

from .ragged import IntArray

LARGEST_TABLE = 1 << 16  # codes are looked up in a table as long as it is small


@dataclass(frozen=True, slots=True)
class ProfileRows:
    """Row r stands for value `row_code[r]` of attribute `row_attribute[r]`; sorted by attribute, then code."""

    row_attribute: IntArray
    row_code: IntArray
    attributes_count: int

    @classmethod
    def learn(cls, profile: IntArray) -> "ProfileRows":
        """Rows for the codes of `profile` (people, attributes); negative codes mean unknown and get none."""
        values = [np.unique(column[column >= 0]) for column in profile.T]
        attribute = np.repeat(np.arange(len(values)), [len(v) for v in values]).astype(np.int64)
        code = np.concatenate([np.zeros(0, np.int64), *values])
        return cls(attribute, code, profile.shape[1])

    def rows(self, profile: IntArray) -> IntArray:
        """(people, attributes) row numbers, -1 where the code is unknown or was never seen."""
        if len(self.row_code) == 0:
            return np.full(profile.shape, -1, np.int64)
        span = int(self.row_code.max()) + 1
        own = self.row_attribute * span + self.row_code
        asked = np.arange(self.attributes_count) * span + np.clip(profile, 0, span - 1)
        if self.attributes_count * span <= LARGEST_TABLE:
            table = np.full(self.attributes_count * span, -1, np.int64)
            table[own] = np.arange(len(own))
            found = table[asked]
        else:
            place = np.minimum(np.searchsorted(own, asked), len(own) - 1)
            found = np.where(own[place] == asked, place, -1)
        return np.where((profile >= 0) & (profile < span), found, -1)

    def union(self, other: "ProfileRows") -> "ProfileRows":
        """The rows of both."""
        if self.attributes_count != other.attributes_count:
            raise ValueError(
                f"profile has {other.attributes_count} columns but the fit had {self.attributes_count}: give the same "
                "columns, in order."
            )
        both = np.concatenate(
            [np.stack([self.row_attribute, self.row_code]), np.stack([other.row_attribute, other.row_code])], axis=1
        )
        attribute, code = np.unique(both, axis=1)
        return ProfileRows(attribute, code, self.attributes_count)

    def among(self, other: "ProfileRows") -> IntArray:
        """The place of each of these rows among those of `other`, which has them all."""
        place = {key: at for at, key in enumerate(other._keys())}
        return np.array([place[key] for key in self._keys()], dtype=np.int64)

    def _keys(self) -> list[tuple[int, int]]:
        return list(zip(self.row_attribute.tolist(), self.row_code.tolist(), strict=True))

    def only(self, keep: np.ndarray) -> "ProfileRows":
        """The rows that `keep` (rows,) says True of."""
        return ProfileRows(self.row_attribute[keep], self.row_code[keep], self.attributes_count)

    def per_attribute(self, row_values: np.ndarray) -> list[float]:
        """The value of each attribute's first row; 0 for an attribute without rows."""
        first = np.searchsorted(self.row_attribute, np.arange(self.attributes_count))
        last = np.searchsorted(self.row_attribute, np.arange(self.attributes_count), side="right")
        return [float(row_values[f]) if f < e else 0.0 for f, e in zip(first, last, strict=True)]
