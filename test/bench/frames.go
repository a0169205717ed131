//go:build linux

package main

// framesOff is an Interlock that does not read the frames of tunnels.
const framesOff = "interlock-frames-off"

// frameWorks compare an Interlock that reads the frames of tunnels with one that does not.
var frameWorks = []work{
	{
		Name: "frames-echo", Title: "64-byte echo through a tunnel, frames read", Figure: "µs of CPU per round trip", Scale: 1,
		Unit: "round trip", Count: 80_000, Connections: 32, Contenders: []string{"interlock", framesOff}, Against: []string{framesOff}, Aim: 1.15,
		Open: openTunnels("/echo"), Begin: sendEcho, End: endEcho,
	},
	{
		Name: "frames-bulk", Title: "8 MiB at a time from the backend in frames of 1 MiB, frames read", Figure: "CPU s per GB", Scale: 1000.0 / bulkSize,
		Unit: "portion", Count: 256, Connections: 4, Contenders: []string{"interlock", framesOff}, Against: []string{framesOff}, Aim: 1.05, Stream: true,
		Open: openTunnels("/bulk"), Begin: askBulk, End: endBulk,
	},
	{
		Name: "frames-bulk-64", Title: "8 MiB at a time from the backend in frames of 64 KiB, frames read", Figure: "CPU s per GB", Scale: 1000.0 / bulkSize,
		Unit: "portion", Count: 256, Connections: 4, Contenders: []string{"haproxy", "interlock", framesOff}, Against: []string{framesOff}, Aim: 1.05, Stream: true,
		Open: openTunnels("/bulk-64"), Begin: askBulk, End: endBulk,
	},
}
