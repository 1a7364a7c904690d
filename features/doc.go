// Package features turns columns into the numbers that a learner sees.
//
// The way goes from a table's batches to a [Matrix] in two steps, each with a
// type that learns and a type that applies. An [Encoder] watches the training
// rows of a table and gives an [Encoding]: which columns are used, what fills
// a missing value, which categories there are. A [Scaler] looks at the
// training rows of the matrix and gives a [Scaling]. Both results are plain
// data, kept as JSON in the dataset's metadata and in the model, and only they
// can be applied to rows that are to be scored: an estimator has no method
// that takes other rows than training rows.
//
//	table ─► Encoder.Observe (training rows) ─► Encoding ─┐
//	table ─────────────────────────────────────────────► Bind.Fill ─► Matrix
//	Matrix ─► Scaler.Fit (training rows) ─► Scaling ─► Apply
//
// Which rows are training rows is decided before, by a [SplitSpec], which
// sees where rows are (capture, time, flow, class) and never what they hold.
//
// # What becomes a feature
//
// By default the columns whose role is schema.Feature, and of those numbers,
// booleans and strings of few values. Addresses, absolute times, identifiers,
// payload and labels have other roles: a model that sees them learns the
// recording. Lists and binary columns have no encoding. What was left out is
// kept with the reason in [Encoding.Dropped].
//
// # Missing and broken numbers
//
// A null, NaN or infinite value gets the training median, or what
// [EncodeSpec.Impute] asks for; a column that had missing values in training
// also gets a 0/1 column <name>_missing, one for all columns with the same
// pattern. NaN and Inf are counted.
//
// # Columns taken against their role
//
// [EncodeSpec.Add] makes a feature of a column whose role says that it names a
// host, a session or a moment. It is then listed in [Encoding.Asked], and
// everything that is made of the encoding warns of it.
package features
