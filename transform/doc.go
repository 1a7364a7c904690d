// Package transform turns captures into tables.
//
// [Run] is the whole way: captures are read as blocks of packets, in order;
// blocks are gathered into units of some ten thousand packets; workers decode
// a unit's packets into columns and encode the columns into a finished piece
// of the table, all in parallel; the pieces are put one behind another in the
// order of the packets. What the flow table needs of each packet (a
// [flow.Digest]) travels with the unit and is added in order, so flows see
// the packets as the capture has them.
//
//	reader ─► units ─►┬ worker: decode, annotate, encode ┐
//	                  ├ worker                           ├─► in order: commit piece ─► flow table ─► flows
//	                  └ worker                           ┘
//
// Where units end depends on the input alone, so the output is the same for
// any number of workers. At most workers+2 units are in flight, and a unit is
// bounded in packets and in bytes, so memory does not grow with the input.
//
// Every packet is a row or is counted in the [Ledger] by the reason why not.
package transform
