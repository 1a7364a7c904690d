package ship

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/store"
	"github.com/pcapline/pcapline/train/internal/secretfile"
)

// PullOptions say where shipments are and where they go.
type PullOptions struct {
	From       store.Store
	Prefix     string         // of the shipments' names, such as a sensor's; "": all
	Identities []age.Identity // that can read them
	Output     string         // folder; a shipment becomes a folder of its name
	Delete     bool           // delete shipments at their place once they are here
	Most       int64          // bytes of a file in a shipment at most (16 GiB)
}

// Pulled is what Pull did.
type Pulled struct {
	Shipments []string `json:"shipments"` // folders made
	Known     int64    `json:"known"`     // that were here
	Rows      int64    `json:"rows"`
	Packets   int64    `json:"packets"`
	Deleted   int64    `json:"deleted"`
	Refused   []string `json:"refused"` // with the reason
}

// ErrRefused says that some shipments could not be taken.
var ErrRefused = errors.New("shipments that could not be read")

// ReadIdentities reads keys from a file of age-keygen's that others must not
// be able to read.
func ReadIdentities(path string) ([]age.Identity, error) {
	f, err := secretfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	ids, err := age.ParseIdentities(f)
	if err != nil {
		return nil, fmt.Errorf("%s: it is no file of age identities", path) // the library's error may quote the key
	}
	return ids, nil
}

// Pull fetches the shipments that are not here yet, decrypts them, and compares
// their files with the hashes in their manifests. A shipment's folder appears when
// it is whole. One that cannot be read is listed and left where it is, and
// the error is [ErrRefused] after all others were taken.
func Pull(ctx context.Context, opt PullOptions) (*Pulled, error) {
	setDefault(&opt.Most, 16<<30)
	res := &Pulled{Shipments: []string{}, Refused: []string{}}
	if err := os.MkdirAll(opt.Output, 0o750); err != nil {
		return nil, err
	}
	if err := removeTemporary(opt.Output); err != nil {
		return nil, err
	}
	for o, err := range opt.From.List(ctx, opt.Prefix) {
		if err != nil {
			return res, err
		}
		if !strings.HasSuffix(o.Name, objectSuffix) {
			continue
		}
		if err := opt.pull(ctx, o, res); err != nil {
			return res, err
		}
	}
	if len(res.Refused) > 0 {
		return res, ErrRefused
	}
	return res, nil
}

// temporary begins the names of folders that are being filled.
const temporary = ".pull-"

func removeTemporary(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, temporary+"*"))
	for _, l := range left {
		err = errors.Join(err, os.RemoveAll(l))
	}
	return err
}

func (opt *PullOptions) pull(ctx context.Context, o store.Object, res *Pulled) error {
	dir := filepath.Join(opt.Output, filepath.FromSlash(strings.TrimSuffix(o.Name, objectSuffix)))
	_, err := os.Stat(dir)
	switch {
	case err == nil:
		res.Known++
	case !errors.Is(err, fs.ErrNotExist):
		return err
	default:
		m, err := opt.fetch(ctx, o, dir)
		var bad *badShipment
		if errors.As(err, &bad) {
			res.Refused = append(res.Refused, fmt.Sprintf("%s: %v", o.Name, bad.err))
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", o.Name, err)
		}
		res.Shipments = append(res.Shipments, dir)
		res.Rows += m.Rows
		res.Packets += m.Packets
	}
	if !opt.Delete {
		return nil
	}
	// What is deleted there is compared here first, also if it came before.
	if _, err := verify(dir); err != nil {
		res.Refused = append(res.Refused, fmt.Sprintf("%s: not deleted: %v", o.Name, err))
		return nil
	}
	res.Deleted++
	return opt.From.Delete(ctx, o.Name)
}

// badShipment says that the fault is the shipment's, not the way's.
type badShipment struct{ err error }

func (b *badShipment) Error() string { return b.err.Error() }

// fetch makes dir of a shipment.
func (opt *PullOptions) fetch(ctx context.Context, o store.Object, dir string) (*Manifest, error) {
	tmp, err := os.MkdirTemp(opt.Output, temporary)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	sealed, files := filepath.Join(tmp, "sealed"), filepath.Join(tmp, "files")
	if err := errors.Join(os.Mkdir(files, 0o750), store.Fetch(ctx, opt.From, o.Name, sealed)); err != nil {
		return nil, err
	}
	sum, _, err := pcapio.Digest(sealed)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(o.Name, "_"+sum[:8]+objectSuffix) {
		return nil, &badShipment{errors.New("its bytes are not those that its name stands for")}
	}
	if err := opt.unseal(sealed, files); err != nil {
		return nil, err
	}
	m, err := verify(files)
	if err != nil {
		return nil, &badShipment{err}
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return nil, err
	}
	return m, os.Rename(files, dir)
}

// unseal decrypts a shipment and unpacks the files that it may have.
func (opt *PullOptions) unseal(path, dir string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	plain, err := age.Decrypt(f, opt.Identities...)
	if err != nil {
		return &badShipment{err}
	}
	t := tar.NewReader(plain)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			// The last block is authenticated only when it was read to its end.
			if _, err := io.Copy(io.Discard, plain); err != nil {
				return &badShipment{err}
			}
			return nil
		}
		if err != nil {
			return &badShipment{err}
		}
		if !slices.Contains([]string{ManifestFile, RowsFile, PacketsFile}, h.Name) || h.Typeflag != tar.TypeReg || h.Size > opt.Most {
			return &badShipment{fmt.Errorf("a file %q of %d bytes is none of a shipment's", h.Name, h.Size)}
		}
		if err := unpack(t, filepath.Join(dir, h.Name)); err != nil {
			return err
		}
	}
}

func unpack(r io.Reader, path string) error {
	if _, err := os.Stat(path); err == nil {
		return &badShipment{fmt.Errorf("%s is in it twice", filepath.Base(path))}
	}
	f, err := store.NewFile(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := io.Copy(f, r); err != nil {
		var path *fs.PathError // of this disk
		if errors.As(err, &path) {
			return err
		}
		return &badShipment{err}
	}
	return f.Close(true)
}

// verify compares the files of a shipment's folder with its manifest.
func verify(dir string) (*Manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		return nil, err
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", ManifestFile, err)
	}
	if m.Version != manifestVersion {
		return nil, fmt.Errorf("%s: version %d is not known", ManifestFile, m.Version)
	}
	for _, e := range m.Files {
		if e.Name != RowsFile && e.Name != PacketsFile {
			return nil, fmt.Errorf("%s names a file %q", ManifestFile, e.Name)
		}
		sum, size, err := pcapio.Digest(filepath.Join(dir, e.Name))
		if err != nil {
			return nil, err
		}
		if sum != e.SHA256 || size != e.Size {
			return nil, fmt.Errorf("%s is not what %s says", e.Name, ManifestFile)
		}
	}
	return &m, nil
}

func digestObject(ctx context.Context, s store.Store, name string) (sum string, size int64, err error) {
	r, err := s.Open(ctx, name, 0, -1)
	if err != nil {
		return "", 0, err
	}
	defer r.Close()
	h := sha256.New()
	size, err = io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), size, err
}
