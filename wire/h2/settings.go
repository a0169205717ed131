package h2

import "math"

// values are those of the parameters that RFC 9113 §6.5.2, RFC 8441 §3 and RFC 9218 §2.1 define, by number.
type values [10]uint32

// initial returns the values before the first SETTINGS frame.
func initial() values {
	return values{
		settingTable: 4096, settingPush: 1, settingStreams: math.MaxUint32, settingWindow: 1<<16 - 1, settingMaxFrame: minMaxFrame,
		settingMaxList: math.MaxUint32,
	}
}

// set takes a parameter of a SETTINGS frame.
func (d *Decoder) set(from Side, h Head, got Setting) {
	if d == nil {
		return
	}
	old := d.apply(from, got)
	if d.blind(from) {
		return
	}
	e := d.next(EventSetting, from, 0, d.sides[from].frame(h))
	e.Setting, e.Old = got, old
	d.hand(e)
}

// apply records a parameter of a side, even of one that is blind: the fields of the other side depend on
// it. It returns the old value.
func (d *Decoder) apply(from Side, got Setting) (old uint32) {
	all := &d.halves[from].settings
	if int(got.ID) >= len(all) {
		return 0
	}
	old, all[got.ID] = all[got.ID], got.Value
	if got.ID == settingTable {
		d.halves[1-from].block.allow(got.Value)
	}
	return old
}
