package ws

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestMessagesAreReadAsTheyAreWritten(t *testing.T) {
	all := Messages{Dropped: [2]int64{Server: 3}, Kept: []Message{
		{From: Client, Kind: Text, At: 1234567 * time.Microsecond, Size: 5, Sent: 5, Frames: 1, Data: []byte("h\u00e4lo")},
		{From: Server, Kind: Text, Size: 9000, Sent: 120, Frames: 3, Compressed: true, Cut: CutLong, Data: []byte("\u2028\U0001f600\x00\x7f\"\\\n<")},
		{From: Server, Kind: Text, Size: 1, Sent: 1, Frames: 1, Data: []byte("\xff")},
		{From: Client, Kind: Binary, Size: SizeUnknown, Sent: 1 << 40, Frames: 1, Cut: CutRatio, Data: []byte("\x00\x01abc")},
		{From: Client, Kind: Text, Frames: 1, Data: []byte{}},
		{From: Client, Kind: Text, Size: 8, Sent: 8, Frames: 1, Shape: `{"a": number}`},
		{From: Server, Kind: Close, Size: 2, Sent: 2, Frames: 1, Data: []byte("\x03\xe8")},
		{From: Client, Kind: Ping, Frames: 1, Cut: CutEnd},
	}}
	text, err := json.Marshal(&all)
	if err != nil {
		t.Fatal(err)
	}
	got := new(Messages)
	if err := json.Unmarshal(text, got); err != nil || !reflect.DeepEqual(got, &all) {
		t.Errorf("%v\n got %+v\nwant %+v\n%s", err, got, all, text)
	}
	if strings.ContainsAny(string(text), "\u2028\x7f") || !strings.Contains(string(text), "h\u00e4lo") {
		t.Errorf("text is not printable: %s", text)
	}
	for i := range all.Kept {
		text, err := json.Marshal(&all.Kept[i])
		if err != nil {
			t.Fatal(err)
		}
		var one Message
		if err := json.Unmarshal(text, &one); err != nil || !reflect.DeepEqual(one, all.Kept[i]) {
			t.Errorf("%v: got %+v, want %+v", err, one, all.Kept[i])
		}
	}
}

func TestMessagesOfOthersAreBounded(t *testing.T) {
	one := `{"from":"server","kind":"text","text":"a","size":-1,"frames":-1,"at":1e99,"cut":"new"},`
	text := `{"kept":[` + strings.Repeat(one, maxMessages+2) + `{"from":"client","kind":"new"},{"from":"new","kind":"text"},{"from":"client","kind":"binary","data":"` +
		strings.Repeat("AAAA", MaxMessageBytes/2) + `"}],"dropped":{"client":-5,"server":7}}`
	var m Messages
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	last := m.Kept[len(m.Kept)-1]
	if len(m.Kept) != maxMessages || m.Dropped != [2]int64{2, 7 + 3} || len(last.Data) != MaxMessageBytes || last.Cut != CutLong {
		t.Errorf("%d kept, %v dropped, %d bytes", len(m.Kept), m.Dropped, len(last.Data))
	}
	if first := m.Kept[0]; first.Size != SizeUnknown || first.Frames != 1 || first.At != 0 || first.Cut != CutLong {
		t.Errorf("%+v", first)
	}
	if err := json.Unmarshal([]byte(`{"from":"client","kind":"new"}`), new(Message)); err == nil {
		t.Error("a message of an unknown kind is read")
	}
}

func TestShapesHaveNoValues(t *testing.T) {
	const secret = "CANARY-5f3a"
	long := `{"list": [` + strings.Repeat(`{"name": "`+secret+`"},`, 100)
	for text, want := range map[string]string{
		"": "", secret: "", `"` + secret + `"`: "string", "17": "number", "[ ]": "[]", "{}": "{}", "{}x": "", `{"a":`: "", `{"a":1,}`: "",
		`{"type":"` + secret + `","userId":17,"ok":true,"none":null,"items":[{"id":1},{"secret":"` + secret + `"},3]}`: `{"type": string, "userId": number, "ok": boolean, "none": null, "items": [{"id": number}, 2 more]}`,
		`{"` + secret + `":1,"` + secret + `":{"b":[]}}`:                                                               `{"*": number, "*": {"b": []}}`,
		`{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}, "b":[[[` + `]]]}}}}}, "c":[]}`:                                         `{"a": {"a": {"a": {"a": {"a": {"a": {...}, "b": [...]}}}}}, "c": []}`,
		`{` + strings.Repeat(`"k":1,`, 30) + `"z":"` + secret + `"}`:                                                   `{` + strings.Repeat(`"k": number, `, maxShapeKeys) + `...}`,
		long: "", strings.Repeat("[", 4000): "",
	} {
		if got := shapeOf(Text, []byte(text), true); got != want {
			t.Errorf("%.60q: got %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		long: `{"list": [{"name": string}...`, `{"a":1,"b":"` + secret: `{"a": number, "b": ...`, `{"a":1}`: `{"a": number}`, `{"a":1} x`: "", secret: "", `{`: "{...",
		strings.Repeat("[", 4000): "[[[[[[[...]...",
	} {
		if got := shapeOf(Text, []byte(text), false); got != want {
			t.Errorf("cut %.60q: got %q, want %q", text, got, want)
		}
	}
	if got := shapeOf(Close, []byte("\x03\xe8"+secret), true); got != "code 1000" {
		t.Errorf("got %q", got)
	}
	for _, kind := range []Kind{Binary, Ping, Pong} {
		if got := shapeOf(kind, []byte(`{"a":1}`), true); got != "" {
			t.Errorf("%v: got %q", kind, got)
		}
	}
	if got := shapeOf(Text, []byte(`{`+strings.Repeat(`"abcdefghijklmnopqrstu": {"a": [`, 5)), false); len(got) > maxShapeBytes+100 {
		t.Errorf("a shape of %d bytes", len(got))
	}
	if got := shapeOf(Text, []byte(`[`+strings.Repeat(`{"reservations":{"customer":[[1,2],3],"address":{"street":1,"number":2}},`, 1)+strings.Repeat(`"reservation":[{"reservations":[{"customer":"a","address":"b","zip":1}]}],`, 15)), false); len(got) > maxShapeBytes+100 || !strings.HasSuffix(got, "...") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

// TestKeysThatAreDataAreNotShown compares names of fields with keys of tables.
func TestKeysThatAreDataAreNotShown(t *testing.T) {
	for _, name := range []string{
		"id", "_id", "$ref", "type", "userId", "user_id", "isOK", "x1", "utf8", "content-type", "https", "lengths", "XMLHttpRequest", "access_token", "view.count",
		"createdAt", "notificationPreferences", "e", "ts",
	} {
		if !isName(name) {
			t.Errorf("%q is not taken for a name", name)
		}
	}
	for _, data := range []string{
		"", "17", "a@example.com", "CANARY-5f3a", "5f3a9c", "deadbeef0123", "eyJhbGciOiJIUzI1NiJ9", "aGVsbG8gd29ybGQgdG8gYWxs", "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
		"AKIAIOSFODNN7EXAMPLE", "550e8400-e29b-41d4-a716-446655440000", "qzkxwvbnmtrplkjh", "hello world", "h\u00e4lo", "+4912345678", strings.Repeat("a", 33),
		"wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY", "xQzRtPlKmNbV", "0x1f", "user:4711:8", "\xff", "p4ssw0rd",
	} {
		if isName(data) {
			t.Errorf("%q is taken for a name", data)
		}
	}
}

func TestShapesReplaceData(t *testing.T) {
	all := &Messages{Dropped: [2]int64{1, 2}, Kept: []Message{
		{Kind: Text, Size: 7, Sent: 7, Frames: 1, Data: []byte(`{"a":1}`)}, {Kind: Text, Shape: "[]"}, {Kind: Binary, Cut: CutLong, Data: []byte("abc")},
	}}
	shapes := all.Shapes()
	want := []Message{{Kind: Text, Size: 7, Sent: 7, Frames: 1, Shape: `{"a": number}`}, {Kind: Text, Shape: "[]"}, {Kind: Binary, Cut: CutLong}}
	if !reflect.DeepEqual(shapes.Kept, want) || shapes.Dropped != all.Dropped || all.Kept[0].Data == nil {
		t.Errorf("got %+v", shapes)
	}
	if (*Messages)(nil).Shapes() != nil || (*Messages)(nil).Bytes() != 0 || all.Bytes() != 3*messageBytes+7+2+3 {
		t.Errorf("%d bytes", all.Bytes())
	}
}
