// Package diagnose explains what happened to an upgrade: why it failed, which hop changed it, who
// ended the tunnel.
//
// Rules say what the RFCs say about an exchange. A diagnosis answers the question that its reader
// has. It stands beside the verdict and never changes a verdict, a gate or an exit status.
//
// The catalogue is a list of [Kind] values, one file for each family. A kind has an observation,
// which the bytes prove, and causes, each with its certainty and with the mark in the exchange that
// it rests on: the observation comes first, the guess second. [Of] returns the diagnoses of a
// ruling.
//
// The package is pure: it has no logger, clock, context, network or file.
package diagnose
