// Package api talks to AntiNex's REST server (train-ai-with-django-swagger-jwt
// by Jay Johnson): it sends rows to be predicted, starts trainings and dataset
// preparations, and reads jobs and results.
//
//	s, err := api.FromEnv(os.Getenv)
//	c, err := api.NewClient(s.Connection)
//	p, err := api.OpenPublisher(c, s, api.QueueOptions{Dir: "/var/lib/pcapline/antinex"})
//	queued, err := p.AddTable(ctx, "scored.parquet")
//	err = p.Send(ctx)
//
// # The protocol
//
// A [Client] logs in with user and password and gets a token that the server
// takes for 300 seconds. When the server answers 401 the client logs in anew,
// once, and repeats the request; the original's client repeats it for ever with
// the token that has run out. A created record answers 201; errors are plain
// text. Only GET follows redirects, and only on the same server, so that
// neither password nor rows go elsewhere. TLS certificates are always verified.
//
// # Publishing
//
// The original sends the whole table anew at each snapshot and forgets what
// the server did not take. A [Publisher] keeps a queue in a folder: rows that
// were not queued before are written there in batches, each synced to the disk,
// and a batch is deleted when the server has it. For each table the queue
// remembers how many rows it took and a SHA-256 over them, so that a table that
// grew is continued and one that was replaced is noticed.
//
// A process that is killed loses no row. One that dies between the request and
// the answer does not know whether the server has the batch; so each request
// carries the batch's id in its description, and before such a batch is sent
// again the server's newest jobs are searched for it. The server lists the
// newest 20: if more than that were made by others in between, a batch may be
// sent twice.
//
// # Rows
//
// A row has the features that the request lists, under AntiNex's names; a
// native table's columns are found by the AntiNex name that they declare. Here
// a zero is a zero and what is missing is [Settings.Missing] as a number. With
// [Settings.Compat] rows are what the original sends: zero becomes the missing
// value, what the table lacks becomes the missing value as text, and idx is
// lost, so that rows differ from those that the model learned from.
//
// # Variables
//
// [FromEnv] reads the variables of the original. Three have no use: ANTINEX_EMAIL,
// which the server asks for only when an account is made, ANTINEX_CLIENT_VERBOSE and
// ANTINEX_CLIENT_DEBUG, for which the program has flags. ANTINEX_PASSWORD has no
// default here, since the original's is public.
package api
