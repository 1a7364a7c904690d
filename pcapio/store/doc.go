// Package store keeps whole files in a place: a folder, or a bucket that is
// reached by the S3 protocol. It knows neither captures nor tables.
//
// # Names
//
// [Open] takes a place as users write it:
//
//	captures/                                  a folder
//	file:///srv/captures                       a folder
//	s3://bucket/some/prefix                    a bucket, below a prefix
//	s3://bucket?endpoint=https://host:9000     a bucket of another server than Amazon's
//
// An object's name is a path with slashes below the place, such as
// "2026/11/26/a.parquet". Only names that [ValidName] accepts exist here: a
// listing of a hostile bucket leads to no file outside the folder that it is
// copied to.
//
// # Credentials
//
// They come from where the tools of Amazon look: AWS_ACCESS_KEY_ID and its
// siblings, the files ~/.aws/credentials and ~/.aws/config (AWS_PROFILE), a web
// identity, a container's or a machine's role. A place that holds a user or a
// password is refused, because command lines are seen by everyone, and the
// text of the place is not repeated in the error. AWS_ENDPOINT_URL_S3,
// AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION and AWS_CA_BUNDLE count as
// they do there. Certificates are always verified.
//
// # What a store promises
//
// An object appears only when it is whole. [Store.Put] returns without error
// only after the place has confirmed what it holds: by a checksum of the whole
// object that an S3 server computed, or, where a server or a file system has
// none, by reading the object back. Whoever deletes the original after that
// loses nothing.
//
// Objects above 16 MiB go to a bucket in parts. A process that is killed
// between two parts leaves parts that nobody sees, but that cost room: give
// the bucket a lifecycle rule that aborts incomplete uploads.
package store
