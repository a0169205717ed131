package wire

import (
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// TestStreamsAfterAnUpgradeToH2CAreExchanges plays connections of HTTP/2 after a 101 to h2c. They have the exchanges that
// they have on a connection of their own, and the tunnel has the facts of its frames.
func TestStreamsAfterAnUpgradeToH2CAreExchanges(t *testing.T) {
	for name, test := range http2Plays() {
		t.Run(name, func(t *testing.T) {
			w := newHTTP2Writer()
			test.play(w)
			w.parts = slices.Concat([]string{">" + h2cOffer, "<" + h2cSwitch}, w.parts)
			for _, bytewise := range []bool{false, true} {
				found, c := heardHTTP2(w, bytewise)
				if found[0].Outcome != Switched || found[0].Stream != nil || found[0].After.HTTP2 == nil || found[0].After.HTTP2.Sides[h2.Server].Frames[h2.Settings] == 0 {
					t.Errorf("the tunnel is %+v", found[0])
				}
				var got []string
				for _, x := range found[1:] {
					got = append(got, describeStream(x))
					agreesWithTranscript(t, x)
				}
				later := strings.NewReplacer(`"milliseconds":991`, `"milliseconds":993`) // it begins later
				if later.Replace(strings.Join(got, "\n")) != strings.Join(test.want, "\n") {
					t.Errorf("a byte at a time %t: got\n%s\nwant\n%s", bytewise, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
				}
				if !c.Due().IsZero() {
					t.Error("something is due after the end")
				}
			}
		})
	}
}

// TestStreamsOfATunnelAreFollowedOnlyLive checks who does not get the streams after a 101 to h2c.
func TestStreamsOfATunnelAreFollowedOnlyLive(t *testing.T) {
	for name, set := range map[string]func(*Common){
		"probes": func(k *Common) { k.Probe = "UPGRADE-H2C" }, "transcripts": func(k *Common) { k.Outer = true },
		"all exchanges": func(k *Common) { k.Every = true }, "frames: off": func(k *Common) { k.NoFrames = true },
	} {
		var c Conversation
		l := listen(&c)
		set(&l.common)
		c.Feed(FromClient, []byte(h2cOffer), start)
		c.Feed(FromServer, []byte(h2cSwitch), start)
		if c.Streams() {
			t.Errorf("%s: the streams are followed", name)
		}
	}
}
