/*
 * tranship-ntfs DISK OFFSET LENGTH OVERLAY
 *
 * Writes files into the NTFS volume that lies at OFFSET of DISK, by libntfs-3g, without a mount and without touching the
 * disk: what would be written goes to OVERLAY, a new sparse file of LENGTH bytes. Standard input says what to do, one a line:
 *
 *   folder<TAB>PATH           makes it, unless it is there
 *   file<TAB>LOCAL<TAB>PATH   makes the file at PATH, or replaces its content
 *
 * PATH is absolute, in the volume's own spelling. What is new inherits its access rights from its folder, as in Windows.
 * Standard output: the changed blocks of OVERLAY, `OFFSET LENGTH` a line. Exit code 0: all was done.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ntfs-3g/device.h>
#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/logging.h>
#include <ntfs-3g/security.h>
#include <ntfs-3g/unistr.h>
#include <ntfs-3g/volume.h>

#define BLOCK 4096

static struct {
	int disk, overlay;
	s64 offset, length, position;
	u8 *changed; /* one bit a block */
} image;

static void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static int is_changed(s64 block)
{
	return image.changed[block / 8] >> block % 8 & 1;
}

static int all(s64 (*how)(int, void *, s64, s64), int file, void *buffer, s64 count, s64 at)
{
	s64 done, part;

	for (done = 0; done < count; done += part)
		if ((part = how(file, (u8 *)buffer + done, count - done, at + done)) <= 0)
			return -1;
	return 0;
}

static s64 reading(int file, void *buffer, s64 count, s64 at) { return pread(file, buffer, count, at); }
static s64 writing(int file, void *buffer, s64 count, s64 at) { return pwrite(file, buffer, count, at); }

/* A block as it is now: `size` bytes, fewer than BLOCK at the volume's end. */
static int load(s64 block, u8 *buffer, s64 size)
{
	s64 at = block * BLOCK;

	return is_changed(block) ? all(reading, image.overlay, buffer, size, at)
				 : all(reading, image.disk, buffer, size, image.offset + at);
}

static s64 clipped(s64 count, s64 at)
{
	if (at < 0 || at > image.length) {
		errno = EINVAL;
		return -1;
	}
	return count < image.length - at ? count : image.length - at;
}

/* Walks the blocks below [at, at + count). */
static s64 walk(u8 *to, const u8 *from, s64 count, s64 at)
{
	u8 block_bytes[BLOCK];
	s64 done, part;

	if ((count = clipped(count, at)) < 0)
		return -1;
	for (done = 0; done < count; done += part) {
		s64 block = (at + done) / BLOCK, inside = (at + done) % BLOCK;
		s64 size = clipped(BLOCK, block * BLOCK);

		part = size - inside < count - done ? size - inside : count - done;
		if (load(block, block_bytes, size))
			return -1;
		if (to) {
			memcpy(to + done, block_bytes + inside, part);
		} else if (memcmp(block_bytes + inside, from + done, part)) {
			memcpy(block_bytes + inside, from + done, part);
			if (all(writing, image.overlay, block_bytes, size, block * BLOCK))
				return -1;
			image.changed[block / 8] |= 1 << block % 8;
		}
	}
	return count;
}

static s64 dev_pread(struct ntfs_device *dev, void *buf, s64 count, s64 at) { return walk(buf, NULL, count, at); }
static s64 dev_pwrite(struct ntfs_device *dev, const void *buf, s64 count, s64 at) { return walk(NULL, buf, count, at); }

static s64 dev_read(struct ntfs_device *dev, void *buf, s64 count)
{
	s64 done = dev_pread(dev, buf, count, image.position);

	if (done > 0)
		image.position += done;
	return done;
}

static s64 dev_write(struct ntfs_device *dev, const void *buf, s64 count)
{
	s64 done = dev_pwrite(dev, buf, count, image.position);

	if (done > 0)
		image.position += done;
	return done;
}

static s64 dev_seek(struct ntfs_device *dev, s64 to, int whence)
{
	s64 base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? image.position : image.length;

	if (base + to < 0 || base + to > image.length) {
		errno = EINVAL;
		return -1;
	}
	return image.position = base + to;
}

static int dev_open(struct ntfs_device *dev, int flags)
{
	NDevSetOpen(dev);
	return 0;
}

static int dev_close(struct ntfs_device *dev)
{
	NDevClearOpen(dev);
	return 0;
}

static int dev_sync(struct ntfs_device *dev) { return 0; }

static int dev_stat(struct ntfs_device *dev, struct stat *buf)
{
	memset(buf, 0, sizeof *buf);
	buf->st_mode = S_IFREG;
	buf->st_size = image.length;
	return 0;
}

static int dev_ioctl(struct ntfs_device *dev, unsigned long request, void *argument)
{
	errno = ENOTTY;
	return -1;
}

static struct ntfs_device_operations operations = {
	.open = dev_open, .close = dev_close, .seek = dev_seek, .read = dev_read, .write = dev_write,
	.pread = dev_pread, .pwrite = dev_pwrite, .sync = dev_sync, .stat = dev_stat, .ioctl = dev_ioctl,
};

/* Makes something new below a folder, with the rights that it inherits there: nobody's but the folder's own. */
static ntfs_inode *create(ntfs_volume *vol, const char *path, mode_t type)
{
	struct PERMISSIONS_CACHE *cache = NULL;
	struct SECURITY_CONTEXT security = { .vol = vol, .pseccache = &cache };
	char *above = strdup(path), *name = strrchr(above, '/');
	ntfs_inode *folder, *made = NULL;
	ntfschar *unicode = NULL;
	int length;

	*name++ = 0;
	folder = *above ? ntfs_pathname_to_inode(vol, NULL, above) : ntfs_inode_open(vol, FILE_root);
	if (!folder)
		fail("%s: no such folder", above);
	if ((length = ntfs_mbstoucs(name, &unicode)) > 0) {
		le32 rights = ntfs_inherited_id(&security, folder, type == S_IFDIR);

		if (!rights)
			fail("%s: its access rights cannot be inherited", path);
		made = ntfs_create(folder, rights, unicode, length, type);
	}
	if (!made)
		fail("%s: it cannot be made: %s", path, strerror(errno));
	if (ntfs_inode_close(folder))
		fail("%s: %s", above, strerror(errno));
	free(unicode);
	free(above);
	return made;
}

static void close_inode(ntfs_inode *inode, const char *path)
{
	if (ntfs_inode_close(inode))
		fail("%s: %s", path, strerror(errno));
}

static void put_folder(ntfs_volume *vol, const char *path)
{
	ntfs_inode *inode = ntfs_pathname_to_inode(vol, NULL, path);

	if (!inode)
		inode = create(vol, path, S_IFDIR);
	else if (!(inode->mrec->flags & MFT_RECORD_IS_DIRECTORY))
		fail("%s: a file is in the way", path);
	close_inode(inode, path);
}

static void put_file(ntfs_volume *vol, const char *local, const char *path)
{
	static u8 buffer[1 << 20];
	ntfs_inode *inode = ntfs_pathname_to_inode(vol, NULL, path);
	ntfs_attr *data;
	struct stat st;
	s64 at = 0, part;
	int file = open(local, O_RDONLY | O_CLOEXEC);

	if (file < 0 || fstat(file, &st))
		fail("%s: %s", local, strerror(errno));
	if (!inode)
		inode = create(vol, path, S_IFREG);
	else if (inode->mrec->flags & MFT_RECORD_IS_DIRECTORY)
		fail("%s: a folder is in the way", path);
	if (!(data = ntfs_attr_open(inode, AT_DATA, AT_UNNAMED, 0)))
		fail("%s: %s", path, strerror(errno));
	/* What is packed or encrypted is no plain run of bytes: it would have to be written as Windows does. */
	if (NAttrCompressed(data) || NAttrEncrypted(data) || inode->flags & FILE_ATTR_REPARSE_POINT)
		fail("%s: it is compressed or encrypted", path);
	if (data->data_size != st.st_size && ntfs_attr_truncate_solid(data, st.st_size))
		fail("%s: %s", path, strerror(errno));
	while ((part = read(file, buffer, sizeof buffer)) > 0) {
		if (ntfs_attr_pwrite(data, at, part, buffer) != part)
			fail("%s: %s", path, strerror(errno));
		at += part;
	}
	if (part < 0 || at != st.st_size)
		fail("%s: it cannot be read to its end", local);
	close(file);
	ntfs_attr_close(data);
	ntfs_inode_update_times(inode, NTFS_UPDATE_MCTIME);
	close_inode(inode, path);
}

static void tell_changes(void)
{
	s64 blocks = (image.length + BLOCK - 1) / BLOCK, at, end;

	for (at = 0; at < blocks; at = end) {
		/* Eight at a time: most of a volume is as it was. */
		if (at % 8 == 0 && !image.changed[at / 8]) {
			end = at + 8;
			continue;
		}
		for (end = at; end < blocks && is_changed(end) && end - at < 1024; end++)
			;
		if (end == at)
			end++;
		else
			printf("%lld %lld\n", (long long)at * BLOCK, (long long)clipped((end - at) * BLOCK, at * BLOCK));
	}
}

int main(int argc, char **argv)
{
	struct ntfs_device *device;
	ntfs_volume *vol;
	char *line = NULL;
	size_t room = 0;

	if (argc != 5)
		fail("usage: tranship-ntfs DISK OFFSET LENGTH OVERLAY");
	image.offset = strtoll(argv[2], NULL, 10);
	image.length = strtoll(argv[3], NULL, 10);
	image.disk = open(argv[1], O_RDONLY | O_CLOEXEC);
	image.overlay = open(argv[4], O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (image.length <= 0 || image.offset < 0 || image.disk < 0 || image.overlay < 0 || ftruncate(image.overlay, image.length))
		fail("%s, %s: %s", argv[1], argv[4], strerror(errno));
	image.changed = calloc(image.length / BLOCK / 8 + 1, 1);
	ntfs_log_set_handler(ntfs_log_handler_stderr);
	device = ntfs_device_alloc(argv[1], 0, &operations, NULL);
	if (!image.changed || !device)
		fail("out of memory");
	if (!(vol = ntfs_device_mount(device, NTFS_MNT_NONE)))
		fail("the volume is not written to: %s", strerror(errno));
	if (vol->flags & VOLUME_IS_DIRTY)
		fail("the volume asks to be checked");
	if (ntfs_volume_get_free_space(vol))
		fail("its free space is not known: %s", strerror(errno));
	while (getline(&line, &room, stdin) > 0) {
		char *rest = line, *what, *first, *second;

		line[strcspn(line, "\n")] = 0;
		what = strsep(&rest, "\t");
		first = strsep(&rest, "\t");
		second = strsep(&rest, "\t");
		if (first && !second && *first == '/' && !strcmp(what, "folder"))
			put_folder(vol, first);
		else if (second && !rest && *second == '/' && !strcmp(what, "file"))
			put_file(vol, first, second);
		else
			fail("not understood: %s", what);
	}
	if (ntfs_umount(vol, FALSE))
		fail("the volume is not closed: %s", strerror(errno));
	tell_changes();
	return fflush(stdout) ? 1 : 0;
}
