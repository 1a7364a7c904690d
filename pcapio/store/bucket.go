package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/minio/minio-go/v7"
)

// partSize is the size from which on an object goes in parts, and theirs. Two
// are on their way at a time; none is held in memory as a whole.
const (
	partSize  = 16 << 20
	partsOnce = 2
)

// A bucket is a store behind the S3 protocol.
type bucket struct {
	client *minio.Client
	name   string
	prefix string // "" or ending with a slash
}

func openBucket(u *url.URL) (Store, error) {
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		if err := checkName(prefix); err != nil {
			return nil, fmt.Errorf("s3://%s: %w", u.Host, err)
		}
		prefix += "/"
	}
	c, err := newClient(u)
	if err != nil {
		return nil, fmt.Errorf("s3://%s: %w", u.Host, err)
	}
	return &bucket{client: c, name: u.Host, prefix: prefix}, nil
}

func (b *bucket) String() string { return strings.TrimSuffix("s3://"+b.name+"/"+b.prefix, "/") }

// explain makes the file system's errors of a server's, and says what was asked.
func (b *bucket) explain(op, name string, err error) error {
	if err == nil {
		return nil
	}
	place := b.String()
	if name != "" {
		place += "/" + name
	}
	switch answer := minio.ToErrorResponse(err); {
	case answer.Code == minio.NoSuchKey:
		err = fs.ErrNotExist
	case answer.Code == minio.NoSuchBucket:
		err = fmt.Errorf("no such bucket: %w", fs.ErrNotExist)
	case answer.StatusCode == http.StatusPreconditionFailed:
		err = fs.ErrExist
	case answer.Code != "" && answer.StatusCode != 0:
		err = fmt.Errorf("the server says %d %s: %s", answer.StatusCode, answer.Code, answer.Message)
	}
	return fmt.Errorf("%s %s: %w", op, place, err)
}

func (b *bucket) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		opt := minio.ListObjectsOptions{Prefix: b.prefix + prefix, Recursive: true}
		for o := range b.client.ListObjectsIter(ctx, b.name, opt) {
			if o.Err != nil {
				yield(Object{}, b.explain("list", prefix, o.Err))
				return
			}
			name := strings.TrimPrefix(o.Key, b.prefix)
			if !ValidName(name) { // folders' placeholders, or what no store puts
				continue
			}
			if !yield(Object{Name: name, Size: o.Size, Modified: o.LastModified.UTC()}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Object{}, err)
		}
	}
}

func (b *bucket) Stat(ctx context.Context, name string) (Object, error) {
	if err := checkName(name); err != nil {
		return Object{}, err
	}
	o, err := b.client.StatObject(ctx, b.name, b.prefix+name, minio.StatObjectOptions{})
	if err != nil {
		return Object{}, b.explain("stat", name, err)
	}
	return Object{Name: name, Size: o.Size, Modified: o.LastModified.UTC()}, nil
}

func (b *bucket) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if length == 0 { // HTTP has no empty range
		_, err := b.Stat(ctx, name)
		return http.NoBody, err
	}
	var opt minio.GetObjectOptions
	if offset > 0 || length > 0 {
		end := int64(0) // to the end
		if length > 0 {
			end = offset + length - 1
		}
		if err := opt.SetRange(offset, end); err != nil {
			return nil, err
		}
	}
	r, _, _, err := minio.Core{Client: b.client}.GetObject(ctx, b.name, b.prefix+name, opt)
	if answer := minio.ToErrorResponse(err); err != nil && answer.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return http.NoBody, nil // past the end, or an empty object
	}
	if err != nil {
		return nil, b.explain("read", name, err)
	}
	return r, nil
}

func (b *bucket) Put(ctx context.Context, name string, r io.ReadSeeker, opt PutOptions) error {
	if err := checkName(name); err != nil {
		return err
	}
	want, err := sumOf(ctx, r)
	if err != nil {
		return fmt.Errorf("put %s/%s: %w", b, name, err)
	}
	// The checksum is sent behind the data and verified by the server, so the
	// pieces need no signatures of their own beside it.
	put := minio.PutObjectOptions{
		PartSize: partSize, NumThreads: partsOnce, Checksum: minio.ChecksumFullObjectCRC32C, DisableContentSha256: true,
		ContentType: contentType(name),
	}
	if opt.IfAbsent {
		put.SetMatchETagExcept("*")
	}
	if _, err := b.client.PutObject(ctx, b.name, b.prefix+name, r, want.size, put); err != nil {
		return b.explain("put", name, err)
	}
	return b.confirm(ctx, name, want)
}

// confirm asks the server what it holds. Not every server keeps checksums, or
// answers with them.
func (b *bucket) confirm(ctx context.Context, name string, want sum) error {
	o, err := b.client.StatObject(ctx, b.name, b.prefix+name, minio.StatObjectOptions{Checksum: true})
	if err != nil {
		return b.explain("confirm", name, err)
	}
	if o.ChecksumCRC32C == "" || strings.Contains(o.ChecksumCRC32C, "-") { // none, or one of the parts' sums
		return readBack(ctx, b, name, want)
	}
	if o.Size != want.size || o.ChecksumCRC32C != want.base64() {
		return fmt.Errorf("%s in %s: %w: %d bytes with CRC32C %s, want %d with %s",
			name, b, ErrNotConfirmed, o.Size, o.ChecksumCRC32C, want.size, want.base64())
	}
	return nil
}

func (b *bucket) Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	err := b.explain("delete", name, b.client.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{}))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// contentType lets a browser or a data lake know tables by more than a name.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".parquet":
		return "application/vnd.apache.parquet"
	case ".pcap", ".pcapng":
		return "application/vnd.tcpdump.pcap"
	case ".json":
		return "application/json"
	case ".csv":
		return "text/csv"
	}
	return "application/octet-stream"
}
