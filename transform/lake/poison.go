package lake

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pcapline/pcapline/transform"
)

// transform makes a shard's tables. Where that fails by what is in a capture,
// and not by the machine, the captures are tried one by one, and the shard is made
// without those that fail alone: they are quarantined, and the rest goes on.
func (w *Worker) transform(ctx context.Context, opt transform.Options) (*transform.Result, error) {
	res, err := transform.Run(ctx, opt)
	if !blamesInput(ctx, err) {
		return res, err
	}
	refused := 0
	for i := range opt.Parts {
		alone := w.alone(ctx, opt, i)
		if alone == nil {
			continue
		}
		if !blamesInput(ctx, alone) {
			return nil, alone
		}
		opt.Parts[i].Refused = alone.Error()
		refused++
	}
	if refused == 0 {
		return nil, err // they fail together only
	}
	return transform.Run(ctx, opt)
}

// alone tries one part of a shard; what it makes is thrown away.
func (w *Worker) alone(ctx context.Context, opt transform.Options, part int) error {
	dir, err := os.MkdirTemp(filepath.Dir(opt.Digests), "alone-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it goes with the shard's folder, too
	opt.Parts = opt.Parts[part : part+1]
	opt.Digests = filepath.Join(dir, "digests")
	if opt.Packets.Path != "" {
		opt.Packets.Path = filepath.Join(dir, "packets")
	}
	_, err = transform.Run(ctx, opt)
	if err == nil || errors.Is(err, transform.ErrDamaged) {
		return nil
	}
	if blamesInput(ctx, err) { // the reason is kept, and dir is of this attempt
		return errors.New(strings.ReplaceAll(firstLine(err), dir+string(filepath.Separator), ""))
	}
	return err
}

// blamesInput says whether an error comes of what a capture holds: not of the
// options, and of nothing that the operating system said.
func blamesInput(ctx context.Context, err error) bool {
	var option *transform.OptionError
	var system syscall.Errno
	return err != nil && ctx.Err() == nil && !errors.Is(err, transform.ErrDamaged) && !errors.As(err, &option) && !errors.As(err, &system)
}

// firstLine is an error without the stack of a panic.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
