package playout

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/charset"
	"lifeline/internal/client"
	"lifeline/internal/mirror"
)

// bundleResume is the maximum age of a partial bundle whose making may be resumed.
const bundleResume = 24 * time.Hour

// tarBlock is the size in bytes to a multiple of which a tar file pads its parts.
const tarBlock = 512

// SaveBundle writes a station's bundle into a file, complete or not at all, and returns its days. It resumes from the
// .part file that an earlier attempt left, after the last complete recording, as long as the service still serves the
// same documents. That file is beside the bundle, or in the user's cache directory if the bundle is encrypted.
func SaveBundle(ctx context.Context, name string, api *client.Client, opt BundleOptions) (BundledDays, error) {
	if opt.Days < 1 {
		return BundledDays{}, errors.New("--days: a bundle has at least one day")
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return BundledDays{}, fmt.Errorf("%s is a folder: name the file to write", name)
	}
	part, err := partOf(name, opt.Recipient)
	if err != nil {
		return BundledDays{}, err
	}
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return BundledDays{}, err
	}
	if made := madeAt(f, opt.Station); opt.Now.Sub(made) < bundleResume {
		opt.Now = made // to produce the same bytes
	}
	days, err := saveBundle(ctx, f, api, opt)
	if err == nil {
		err = f.Sync()
	}
	if err == nil && opt.Recipient != "" {
		if _, err = f.Seek(0, io.SeekStart); err == nil {
			err = encryptBundle(f, name, opt.Recipient)
		}
		if err == nil {
			return days, errors.Join(f.Close(), os.Remove(part))
		}
	}
	come, _ := f.Seek(0, io.SeekEnd) // on an error, keep the file
	if err = errors.Join(err, f.Close()); err != nil && come == 0 {
		return BundledDays{}, errors.Join(err, os.Remove(part))
	}
	if err != nil {
		return BundledDays{}, fmt.Errorf("%w; the part that arrived is kept in %s, and the next try continues from there",
			err, part)
	}
	return days, os.Rename(part, name)
}

// partOf returns the name of the file in which a bundle comes together.
func partOf(name, recipient string) (string, error) {
	if recipient == "" {
		return name + ".part", nil
	}
	full, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	dir, err := workDir()
	return filepath.Join(dir, mirror.PointerName(full)+".part"), err
}

func saveBundle(ctx context.Context, f *os.File, api *client.Client, opt BundleOptions) (BundledDays, error) {
	c, err := gather(ctx, api.Station(opt.Station), opt)
	if err != nil {
		return BundledDays{}, err
	}
	end, whole, err := c.found(f)
	if err != nil {
		return BundledDays{}, err
	}
	if err := f.Truncate(end); err != nil {
		return BundledDays{}, err
	}
	if _, err := f.Seek(end, io.SeekStart); err != nil {
		return BundledDays{}, err
	}
	if end == 0 {
		if _, err := f.Write(c.documents); err != nil {
			return BundledDays{}, err
		}
	}
	return c.days, c.writeRest(ctx, f, whole)
}

// found returns the number of the bundle's recordings that a file already holds, and the offset at which the last of
// them ends: 0 if the file does not begin with the bundle's documents.
func (c *content) found(f *os.File) (end int64, whole int, err error) {
	begins := make([]byte, len(c.documents))
	if _, err := f.ReadAt(begins, 0); err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, err
	}
	if !bytes.Equal(begins, c.documents) {
		return 0, 0, nil
	}
	end = int64(len(begins))
	for _, a := range c.recordings {
		in := tar.NewReader(io.NewSectionReader(f, end, tarBlock+a.Bytes))
		h, err := in.Next()
		if err != nil || h.Name != recordingName(a.SHA256) || h.Size != a.Bytes {
			break
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, in); err != nil || hex.EncodeToString(sum.Sum(nil)) != a.SHA256 {
			break
		}
		end += tarBlock + (a.Bytes+tarBlock-1)/tarBlock*tarBlock
		whole++
	}
	// The padding after the last of them may be missing.
	if info, err := f.Stat(); err != nil || info.Size() >= end || whole == 0 {
		return end, whole, err
	}
	last := c.recordings[whole-1].Bytes
	return end - tarBlock - (last+tarBlock-1)/tarBlock*tarBlock, whole - 1, nil
}

// madeAt returns when the station's bundle at the beginning of a file was made, or the zero time if there is none.
func madeAt(f io.ReaderAt, station string) time.Time {
	in := tar.NewReader(io.NewSectionReader(f, 0, 1<<20))
	var head BundleHead
	if h, err := in.Next(); err != nil || h.Name != bundleHead || json.NewDecoder(in).Decode(&head) != nil ||
		head.Station != station {
		return time.Time{}
	}
	return head.MadeAt.Time
}

// BundleRecordings returns the hashes of the recordings in a bundle, for a delta to leave out. It fails if the bundle
// is incomplete.
func BundleRecordings(r io.Reader) (map[string]bool, error) {
	have := map[string]bool{}
	in := tar.NewReader(r)
	for {
		h, err := in.Next()
		if err != nil {
			return nil, fmt.Errorf("it is not a complete bundle: %w", err)
		}
		if h.Name == bundleEnd {
			return have, nil
		}
		sha, isAudio := strings.CutPrefix(strings.TrimSuffix(h.Name, ".mp3"), "audio/")
		if !isAudio {
			continue
		}
		if !hashForm.MatchString(sha) {
			return nil, fmt.Errorf("%q is nothing that a bundle has", h.Name)
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, in); err != nil {
			return nil, fmt.Errorf("it is not a complete bundle: %w", err)
		}
		if hex.EncodeToString(sum.Sum(nil)) == sha {
			have[sha] = true
		}
	}
}

// LeaveOut sets what a delta leaves out: the recordings in list, a file of hashes as Inventory lists them ("" for
// none), and those of each earlier bundle in since. An entry of since is the name of a bundle, or the revision of a
// queue that the station holds.
func (o *BundleOptions) LeaveOut(list string, since []string) error {
	o.Have = map[string]bool{}
	if list != "" {
		text, err := charset.File(list, "")
		if err != nil {
			return err
		}
		for _, sha := range strings.Fields(string(text)) {
			if !hashForm.MatchString(sha) {
				return fmt.Errorf("%s: %.80q is not the hash of a recording: playout inventory writes such a list", list, sha)
			}
			o.Have[sha] = true
		}
	}
	for _, earlier := range since {
		if n, err := strconv.ParseInt(earlier, 10, 64); err == nil {
			o.Since = max(o.Since, n)
			continue
		}
		if err := o.leaveOutBundle(earlier); err != nil {
			return fmt.Errorf("%s: %w", earlier, err)
		}
	}
	return nil
}

func (o *BundleOptions) leaveOutBundle(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	read := BundleRecordings
	if mirror.Encrypted(in) {
		read = notedBundle
	}
	brought, err := read(in)
	maps.Copy(o.Have, brought)
	return err
}
