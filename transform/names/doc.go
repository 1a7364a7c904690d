// Package names gives the flows table the column names, units and order of
// other flow meters, so that what reads their files reads ours.
//
// A [Dialect] is one of them: a list with a line for each of its columns,
// which says the name, the type, the [formula] over columns of the flows
// table, and in what the value differs from what the tool itself writes. That
// list is the only place where a dialect is described: the translation, the
// reference that pipeline users read (pcapline fields --names) and the tests
// follow from it.
//
//	d, err := names.ByName("cicflowmeter")
//	t, err := names.New(d, batch.Schema())
//	…
//	t.Translate(batch) // fills t.Batch(), to be written by any format
//
// A dialect changes names and units, never what a flow is. Its rows are the
// rows of the flows table in the same order, ARP and other protocols included
// that the tool would not have listed, and its numbers are ours: where a tool
// is known to be wrong the column says so. Two things do follow the tool,
// because its readers rely on them: what stands for "no value" (0 in
// CICFlowMeter and nfstream, "-" in Zeek), and types.
//
// Labels and columns that the tool leaves to the user come last and only when
// the rows have them.
package names
