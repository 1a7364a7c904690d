// Package antinex trains on AntiNex's datasets as its requests ask.
//
// A [Request] is the JSON body that AntiNex's REST API and its Core take: a
// prepared CSV table, which columns to learn from, which to predict, what the
// labels mean, and a Keras network layer by layer. [Train] does what it asks
// with pcapline's rules: rows that are equal stay on one side of the split,
// the scaler learns from training rows, columns that are constant there are
// left out, and the model keeps its scaler. [Predict] scores the rows of a
// request, and [Rows] are predictions in the form of AntiNex's, with the part
// of each row beside them.
//
// What AntiNex does otherwise and why its figures cannot be trusted is kept
// in one place, compat.go: the scaler sees all rows, a row's twin may be in
// both parts, and live rows are scaled by themselves, so that a batch of equal
// rows scales to a constant. It is done when asked for by name, and warned of.
//
// What a request says that nothing here acts on is listed, see
// [Request.Unused]; a key that AntiNex does not know is an error.
//
// Requests of the ml_type regression are refused. AntiNex ships one, a test
// that tells a stock's closing price from its other prices of the day, and no
// model of it. Such a request has no classes, so nothing of what makes a model
// here applies: no benign class, threshold, false alarms or recall, and no
// figure by which evaluation and gate could judge it. Read as classification it
// would make a class of every price.
package antinex
