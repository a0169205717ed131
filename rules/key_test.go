package rules

import "testing"

// TestFingerprintIsAContract pins fingerprints, because users' baselines and accepted findings
// refer to them.
func TestFingerprintIsAContract(t *testing.T) {
	for _, c := range []struct {
		key  Key
		want string
	}{
		{Key{"UPGRADE-POST", "", "default", "/chat"}, "99288e09007bb48da423b5bf019da081"},
		{Key{"UPGRADE-POST", "UPGRADE-POST", "default", "/chat"}, "4caf2f15702c527cc0bec322373f458b"},
	} {
		if got := c.key.Fingerprint(); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.key, got, c.want)
		}
	}
	if (Key{"A", "B", "", "/"}).Fingerprint() == (Key{"A", "", "B", "/"}).Fingerprint() {
		t.Error("a probe and a route of one name are confused")
	}
}

func TestAPlaceHasNoProbe(t *testing.T) {
	live, probed := Key{"A", "", "default", "/chat"}, Key{"A", "B", "default", "/chat"}
	if probed.Place() != live || live.Place() != live {
		t.Errorf("got %+v and %+v, want %+v", probed.Place(), live.Place(), live)
	}
}
