// Package slice cuts packets back out of captures: those of a label, of some
// flows, of a time, or that a filter accepts, into one pcapng file or one for
// each flow or label.
//
//	res, err := slice.Run(ctx, slice.Options{
//		Inputs: captures, Output: "attack.pcapng",
//		Select: slice.Selection{Table: "labelled/flows.parquet", Labels: []string{"scan_syn"}},
//	})
//
// # What is selected
//
// A packet is taken when it meets every kind of condition that is given: of
// several values of one kind any. Time and filter look at the packet alone.
// Flows are found anew while the captures are read, by [flow.Table] with the
// same options that made the flows table, so that fragments and the tails of
// connections are where the table counted them. For each selected flow the
// packets found are compared with the number in the table, and a difference
// is an error: such a table was made with other options.
//
// A labelled table may be of packets or of flows. Its rows are joined to the
// captures by their SHA-256, whatever the captures are called now; rows of
// captures that are not given are counted.
//
// # What is written
//
// Packets keep bytes, lengths, times to the nanosecond, direction, comment,
// and their order, capture after capture; their interfaces keep link type,
// name, filter, addresses and the rest, and equal ones of several captures
// become one. Sections, name resolution, statistics, secrets and custom blocks
// are left behind. With PcapML each packet has the comment "sample_id,label"
// of pcapml in place of its own: the sample is the flow, or of a packets table
// the conversation.
//
// Every packet read is written or counted under the first reason against it.
// Files become visible when all is written.
//
// # Limits
//
// The decision takes one goroutine, reading and decompression others. Flows
// of tables made with a reorder window cannot be found again. Memory: what
// package flow takes, two bytes for each packet of a labelled packets table,
// and about 1 kB for each file of a split.
package slice
