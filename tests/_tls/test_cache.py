"""The bounded cache."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._tls.cache import RecentlyUsed


class RecentlyUsedTests(SynchronousTestCase):
    """Identity, age and eviction."""

    def setUp(self) -> None:
        self.made: list[str] = []

    def get(self, cache: RecentlyUsed[str, str], key: str, now: float = 0.0, until: float = 10.0) -> str:
        def make() -> tuple[str, float]:
            self.made.append(key)
            return f"{key}{len(self.made)}", until

        return cache.get(key, now, make)

    def test_made_once(self) -> None:
        """A value is made once, and given again."""
        cache: RecentlyUsed[str, str] = RecentlyUsed(2)
        self.assertEqual([self.get(cache, "a"), self.get(cache, "a"), self.get(cache, "b")], ["a1", "a1", "b2"])

    def test_least_recently_used_goes(self) -> None:
        """The one that was not used for longest goes, not the one that was made first."""
        cache: RecentlyUsed[str, str] = RecentlyUsed(2)
        for key in ("a", "b", "a", "c", "a", "b"):
            self.get(cache, key)
        self.assertEqual(self.made, ["a", "b", "c", "b"])
        self.assertEqual(len(cache), 2)

    def test_until(self) -> None:
        """A value is made anew at the moment until which it may be used, and counts as used then."""
        cache: RecentlyUsed[str, str] = RecentlyUsed(2)
        self.get(cache, "a")
        self.get(cache, "b")
        self.assertEqual(self.get(cache, "a", now=9.9), "a1")
        self.get(cache, "b", now=9.9)
        self.assertEqual(self.get(cache, "a", now=10.0, until=20.0), "a3")
        self.assertEqual(len(cache), 2)
        self.get(cache, "c", now=10.0)
        self.assertEqual(self.get(cache, "a", now=10.0), "a3")

    def test_failure(self) -> None:
        """If making fails nothing is kept and nothing is lost."""
        cache: RecentlyUsed[str, str] = RecentlyUsed(1)
        self.get(cache, "a")
        self.assertRaises(ZeroDivisionError, cache.get, "b", 0.0, lambda: (str(1 // 0), 0.0))
        self.assertEqual(self.get(cache, "a"), "a1")

    def test_smallest(self) -> None:
        """It keeps at least one."""
        cache: RecentlyUsed[str, str] = RecentlyUsed(0)
        self.assertEqual([self.get(cache, "a"), self.get(cache, "a")], ["a1", "a1"])
