package site

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"lifeline/internal/delivery/form"
	"lifeline/internal/fault"
)

// Parcel is a file with what goes beside it.
type Parcel struct {
	Name    string
	Sums    form.Sums
	Content io.ReadSeeker
	Beside  map[string][]byte // by name
	Trigger string            // the one of them that says that all others are there; none: there is no such file
}

// Delivered says what a delivery did.
type Delivered struct {
	Name    string // of the file, as the site lists it
	Bytes   int64  // that were sent; 0: everything was there already
	Renamed bool   // false: the site renames no files, so that the trigger alone says that the file is whole
	Taken   bool   // the site took the file, or what is beside it, away as soon as it was there
}

// Deliver brings a parcel to a site. Each file is written under a temporary name, read back, and renamed; the trigger
// comes last. What is there already is not sent again. A file under the final name is the one before, or this one, or
// for a moment none where the site does not replace files. Where the site renames none, the file is written under its
// final name between the removal of the old trigger and the new one; without a trigger, Deliver fails with Conflict.
//
// It fails with Damaged if the site gives back other bytes than were sent. After a failure it can be called again.
func Deliver(ctx context.Context, to Remote, p Parcel) (Delivered, error) {
	d := &delivery{site: to, parcel: p, receipt: Delivered{Name: p.Name, Renamed: true}}
	err := d.run(ctx)
	return d.receipt, err
}

// Withdraw removes a parcel from a site: the trigger first.
func Withdraw(ctx context.Context, from Remote, p Parcel) error {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(p.Beside)), func(n string) bool { return n == p.Trigger })
	names = append([]string{p.Name, p.Name + form.Part}, names...)
	if p.Trigger != "" {
		names = append([]string{p.Trigger}, names...)
	}
	there, err := from.Names(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if listed, is := find(there, name); is {
			if err := from.Remove(ctx, listed); err != nil {
				return err
			}
		}
	}
	return nil
}

// delivery is one delivery.
type delivery struct {
	site    Remote
	parcel  Parcel
	receipt Delivered
	there   map[string]int64
}

// item is one file of a parcel.
type item struct {
	name    string
	sums    form.Sums
	content io.ReadSeeker
}

func (d *delivery) run(ctx context.Context) (err error) {
	if d.there, err = d.site.Names(ctx); err != nil {
		return err
	}
	beside := map[string]item{}
	for name, b := range d.parcel.Beside {
		sums, err := form.Sum(bytes.NewReader(b))
		if err != nil {
			return err
		}
		beside[name] = item{name, sums, bytes.NewReader(b)}
	}
	file := item{d.parcel.Name, d.parcel.Sums, d.parcel.Content}
	has, err := d.has(ctx, file)
	if err != nil {
		return err
	}
	var missing []item
	for _, name := range slices.Sorted(maps.Keys(beside)) {
		if name == d.parcel.Trigger {
			continue
		}
		same, err := d.has(ctx, beside[name])
		if err != nil {
			return err
		}
		if !same {
			missing = append(missing, beside[name])
		}
	}
	if !has {
		missing = append([]item{file}, missing...)
	}
	if d.parcel.Trigger != "" && len(missing) > 0 {
		if err := d.remove(ctx, d.parcel.Trigger); err != nil {
			return err
		}
	}
	if !has { // what is beside the file before it must not be taken for what is beside this one
		for _, i := range missing[1:] {
			if err := d.remove(ctx, i.name); err != nil {
				return err
			}
		}
	}
	for _, i := range missing {
		if err := d.bring(ctx, i); err != nil {
			return err
		}
	}
	if listed, is := find(d.there, d.parcel.Name); is {
		d.receipt.Name = listed
	}
	if err := d.sweep(ctx); err != nil || d.parcel.Trigger == "" {
		return err
	}
	trigger := beside[d.parcel.Trigger]
	trigger.name = d.parcel.Trigger // an empty one, if the parcel has none
	if same, err := d.has(ctx, trigger); err != nil || same {
		return err
	}
	return d.bring(ctx, trigger)
}

// sweep removes what deliveries left that did not come to their end.
func (d *delivery) sweep(ctx context.Context) error {
	for _, name := range append(slices.Collect(maps.Keys(d.parcel.Beside)), d.parcel.Name) {
		if err := errors.Join(d.remove(ctx, name+form.Part), d.remove(ctx, name+form.Aside)); err != nil {
			return err
		}
	}
	return nil
}

// find returns the name under which a site lists a file. Some sites know names in one case alone.
func find(there map[string]int64, name string) (listed string, is bool) {
	if _, is := there[name]; is {
		return name, true
	}
	for listed := range there {
		if strings.EqualFold(listed, name) {
			return listed, true
		}
	}
	return "", false
}

// has reports whether the site holds that file already.
func (d *delivery) has(ctx context.Context, i item) (bool, error) {
	listed, is := find(d.there, i.name)
	if !is || d.there[listed] != i.sums.Bytes {
		return false, nil
	}
	sums, err := d.sum(ctx, listed)
	return err == nil && sums.SHA256 == i.sums.SHA256, err
}

// sum reads a file back.
func (d *delivery) sum(ctx context.Context, listed string) (form.Sums, error) {
	in, err := d.site.Open(ctx, listed)
	if err != nil {
		return form.Sums{}, err
	}
	sums, err := form.Sum(in)
	if err = errors.Join(err, in.Close(), ctx.Err()); err != nil {
		return form.Sums{}, fault.Wrap(fault.Unavailable, err, "%s could not be read back", listed)
	}
	return sums, nil
}

func (d *delivery) remove(ctx context.Context, name string) error {
	listed, is := find(d.there, name)
	if !is {
		return nil
	}
	delete(d.there, listed)
	return d.site.Remove(ctx, listed)
}

// bring brings one file under its final name.
func (d *delivery) bring(ctx context.Context, i item) error {
	if !d.receipt.Renamed {
		return d.straight(ctx, i)
	}
	temporary, err := d.write(ctx, i, i.name+form.Part)
	if err == nil {
		err = d.rename(ctx, temporary, i.name)
	}
	if err == nil {
		return d.listed(ctx, i)
	}
	d.tidy(ctx, i.name+form.Part)
	if !errors.Is(err, errNoRename) {
		return err
	}
	d.receipt.Renamed = false
	return d.straight(ctx, i)
}

// straight writes a file under its final name, as sites that rename none need it. The trigger comes after all others.
func (d *delivery) straight(ctx context.Context, i item) error {
	if d.parcel.Trigger == "" {
		return fault.Lasting(fault.New(fault.Conflict, "the site does not rename files, and the contract has no trigger "+
			"file that says when %s is whole: add one, or ask the site to permit renaming", i.name))
	}
	_, err := d.write(ctx, i, i.name)
	if err != nil {
		d.tidy(ctx, i.name)
	}
	return err
}

// tidy removes what was not written whole. It goes on for a moment after ctx is done, and the next delivery does what
// it cannot do.
func (d *delivery) tidy(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if there, err := d.site.Names(ctx); err == nil {
		if listed, is := find(there, name); is {
			_ = d.site.Remove(ctx, listed) // the failure that came before is the one to tell
		}
	}
}

// write writes a file and compares what the site gives back. It returns the name under which the site lists it.
func (d *delivery) write(ctx context.Context, i item, name string) (listed string, err error) {
	if _, err := i.content.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	if err := d.site.Write(ctx, name, i.sums.Bytes, i.content); err != nil {
		return "", err
	}
	d.receipt.Bytes += i.sums.Bytes
	if d.there, err = d.site.Names(ctx); err != nil {
		return "", err
	}
	listed, is := find(d.there, name)
	if !is || d.there[listed] != i.sums.Bytes {
		return "", fault.New(fault.Damaged, "the site has %d bytes of %s, and %d were sent", d.there[listed], i.name,
			i.sums.Bytes)
	}
	sums, err := d.sum(ctx, listed)
	if err == nil && sums.SHA256 != i.sums.SHA256 {
		err = fault.New(fault.Damaged, "the site gives back other bytes of %s than were sent", i.name)
	}
	return listed, err
}

// listed fails with Damaged unless a file is there, whole, that was renamed. A site may take it away at once: then
// neither of its names is there.
func (d *delivery) listed(ctx context.Context, i item) (err error) {
	if d.there, err = d.site.Names(ctx); err != nil {
		return err
	}
	name, is := find(d.there, i.name)
	if _, was := find(d.there, i.name+form.Part); !is && !was {
		d.receipt.Taken = true
		return nil
	}
	if !is || d.there[name] != i.sums.Bytes {
		return fault.New(fault.Damaged, "the site does not list %s whole after it was renamed to that", i.name)
	}
	return nil
}

// errNoRename says that a site renames no files.
var errNoRename = errors.New("the site does not rename files")

// rename renames a file. Where the site does not replace files, the one before steps aside for a moment.
func (d *delivery) rename(ctx context.Context, from, to string) error {
	err := d.site.Rename(ctx, from, to)
	if err == nil || !Refused(err) {
		return err
	}
	old, is := find(d.there, to)
	if !is {
		return errors.Join(errNoRename, err)
	}
	if stale, is := find(d.there, old+form.Aside); is {
		if err := d.site.Remove(ctx, stale); err != nil {
			return err
		}
	}
	if err := d.site.Rename(ctx, old, old+form.Aside); err != nil {
		if !Refused(err) {
			return err
		}
		return errors.Join(errNoRename, err)
	}
	if err := d.site.Rename(ctx, from, to); err != nil {
		return errors.Join(err, d.site.Rename(context.WithoutCancel(ctx), old+form.Aside, old))
	}
	return d.site.Remove(ctx, old+form.Aside)
}
