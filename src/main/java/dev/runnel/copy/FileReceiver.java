package dev.runnel.copy;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * The end that writes the files. Whatever the sender sends, nothing is written outside the target:
 * names are single names, links are made and never followed, and a file gets its place by a rename
 * when all of it is there. For one thread and one stream.
 */
public final class FileReceiver {
  private static final LinkOption NOFOLLOW = LinkOption.NOFOLLOW_LINKS;
  private static final FileAttribute<?> OWN_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  private static final FileAttribute<?> OWN_FOLDER =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private final DataInputStream in;
  private final DataOutputStream out;
  private final Path target;
  private final Place place;
  private final CopyLog log;
  private final byte[] piece = new byte[Format.PIECE_BYTES];
  private final Deque<Folder> open = new ArrayDeque<>();
  private long files;
  private long bytes;
  private long problems;

  /** What the target is. */
  public enum Place {
    /** A folder if there is one, else the new name. */
    FOLDER_OR_NAME,
    /** A folder, which has to be there. */
    FOLDER
  }

  /**
   * A folder that files are being put into.
   *
   * @param path null: it could not be made, and what is in it is left out
   */
  private record Folder(@Nullable Path path, int mode, long nanos) {}

  /**
   * @param in what the sender says
   * @param out what it is answered
   */
  public FileReceiver(InputStream in, OutputStream out, Path target, Place place, CopyLog log) {
    this.in = new DataInputStream(new BufferedInputStream(in, Format.PIECE_BYTES));
    this.out = new DataOutputStream(new BufferedOutputStream(out));
    this.target = target;
    this.place = place;
    this.log = log;
  }

  /**
   * Writes all that is sent; blocks until the sender's end.
   *
   * @throws IOException if the stream breaks; of a long file what is there stays, for another try
   */
  public CopyResult receive() throws IOException {
    out.writeInt(Format.MAGIC);
    out.flush();
    checkMagic();
    while (true) {
      int record = in.readUnsignedByte();
      switch (record) {
        case Format.FOLDER -> enter();
        case Format.UP -> leave();
        case Format.LINK -> link();
        case Format.FILE -> file();
        case Format.END -> {
          return end();
        }
        default -> throw new IOException("the sender's stream is broken: record " + record);
      }
    }
  }

  /** The same of one file, whose bytes go there. */
  public CopyResult receive(OutputStream to) throws IOException {
    out.writeInt(Format.MAGIC);
    out.flush();
    checkMagic();
    int record;
    while ((record = in.readUnsignedByte()) == Format.FILE) {
      var _ = FileName.read(in);
      in.readUnsignedShort();
      in.readLong();
      if (in.readLong() >= Format.RESUMABLE_BYTES) {
        begin(0, 0);
      }
      if (copy(new Pieces(null, to), new CRC32())) {
        files++;
      }
    }
    to.flush();
    if (record != Format.END) {
      throw new IOException("a folder does not go to stdout");
    }
    return end();
  }

  private void checkMagic() throws IOException {
    if (in.readInt() != Format.MAGIC) {
      throw new IOException("the other end does not send files");
    }
  }

  private CopyResult end() throws IOException {
    long sentFiles = in.readLong();
    long sentBytes = in.readLong();
    out.writeLong(files);
    out.writeLong(bytes);
    out.writeLong(problems);
    out.flush();
    boolean complete = problems == 0 && sentFiles == files && sentBytes == bytes;
    return new CopyResult(files, bytes, problems, complete);
  }

  private void problem(Path path, IOException e) {
    problems++;
    log.problem(path + ": " + FileSender.reason(e));
  }

  /** Where something of that name goes; null: its folder is left out. */
  private @Nullable Path path(byte[] name) throws IOException {
    Folder folder = open.peek();
    if (folder == null) {
      return top(name);
    }
    if (!FileName.isPlain(name)) {
      throw new IOException("the sender's stream is broken: a name that leaves its folder");
    }
    return folder.path == null ? null : folder.path.resolve(FileName.path(name));
  }

  // What was named here may be a link to a folder: it is the user's own word.
  private Path top(byte[] name) throws IOException {
    boolean contents = name.length == 1 && name[0] == '.';
    if (!contents && !FileName.isPlain(name)) {
      throw new IOException("the sender's stream is broken: a name that leaves its folder");
    }
    boolean isFolder = Files.isDirectory(target);
    if (place == Place.FOLDER && !isFolder) {
      throw Files.exists(target)
          ? new NotDirectoryException(target.toString())
          : new NoSuchFileException(target.toString());
    }
    return contents || !isFolder ? target : target.resolve(FileName.path(name));
  }

  private void enter() throws IOException {
    byte[] name = FileName.read(in);
    int mode = in.readUnsignedShort();
    long nanos = in.readLong();
    boolean isTarget = open.isEmpty() && name.length == 1 && name[0] == '.';
    Path folder = path(name);
    if (folder != null) {
      try {
        if (isTarget ? Files.isDirectory(folder) : Files.isDirectory(folder, NOFOLLOW)) {
          letIn(folder);
        } else {
          Files.createDirectory(folder, OWN_FOLDER);
        }
      } catch (FileAlreadyExistsException _) {
        problem(folder, new IOException("is there already, and no folder"));
        folder = null;
      } catch (IOException e) {
        problem(folder, e);
        folder = null;
      }
    }
    open.push(new Folder(folder, mode, nanos));
  }

  // What it is to be in the end is set when it is left.
  private static void letIn(Path folder) throws IOException {
    if (!Files.isWritable(folder)) {
      Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(folder);
      permissions.addAll(PosixFilePermissions.fromString("rwx------"));
      Files.setPosixFilePermissions(folder, permissions);
    }
  }

  // Now that nothing more is put into it.
  private void leave() throws IOException {
    Folder folder = open.poll();
    if (folder == null) {
      throw new IOException("the sender's stream is broken: it leaves the target");
    }
    if (folder.path != null) {
      try {
        setAttributes(folder.path, folder.mode, folder.nanos);
      } catch (IOException e) {
        problem(folder.path, e);
      }
    }
  }

  private static void setAttributes(Path path, int mode, long nanos) throws IOException {
    Files.setPosixFilePermissions(path, Format.permissions(mode));
    Files.setLastModifiedTime(path, time(nanos));
  }

  private static FileTime time(long nanos) {
    return FileTime.from(nanos, TimeUnit.NANOSECONDS);
  }

  private void link() throws IOException {
    Path link = path(FileName.read(in));
    Path leadsTo = FileName.path(FileName.read(in));
    if (link == null) {
      return;
    }
    Path part = part(link, 0, 0);
    try {
      Files.deleteIfExists(part);
      Files.createSymbolicLink(part, leadsTo);
      move(part, link);
    } catch (IOException e) {
      problem(link, e);
      deleteQuietly(part);
    }
  }

  private static void move(Path part, Path file) throws IOException {
    Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
  }

  // Of the same file the same: what an earlier try has left is found again.
  private static Path part(Path file, long length, long nanos) {
    CRC32 sum = new CRC32();
    sum.update(FileName.bytes(file.getFileName() == null ? file : file.getFileName()));
    ByteBuffer rest = ByteBuffer.allocate(16).putLong(length).putLong(nanos).flip();
    sum.update(rest);
    return file.resolveSibling(".runnel-" + Long.toHexString(sum.getValue()) + ".part");
  }

  private static void deleteQuietly(Path part) {
    try {
      Files.deleteIfExists(part);
    } catch (IOException _) {
      // The problem that led here is told.
    }
  }

  private void file() throws IOException {
    byte[] name = FileName.read(in);
    int mode = in.readUnsignedShort();
    long nanos = in.readLong();
    long length = in.readLong();
    Path file = path(name);
    boolean isLong = length >= Format.RESUMABLE_BYTES;
    if (file == null) {
      refuse(isLong);
      return;
    }
    log.begun(file.toString());
    Path part = part(file, length, nanos);
    FileChannel channel;
    try {
      channel = open(part, isLong);
    } catch (IOException e) {
      problem(file, e);
      refuse(isLong);
      return;
    }
    boolean whole = false;
    boolean kept = false;
    try (channel) {
      whole = write(channel, file, isLong);
      if (whole) {
        finish(part, file, mode, nanos);
      }
    } catch (EOFException e) {
      kept = isLong;
      throw e;
    } finally {
      if (!whole && !kept) {
        deleteQuietly(part);
      }
    }
  }

  private void finish(Path part, Path file, int mode, long nanos) {
    try {
      setAttributes(part, mode, nanos);
      if (Files.isDirectory(file, NOFOLLOW)) {
        throw new IOException("is a folder");
      }
      move(part, file);
      files++;
    } catch (IOException e) {
      problem(file, e);
      deleteQuietly(part);
    }
  }

  private void refuse(boolean isLong) throws IOException {
    if (isLong) {
      out.writeLong(-1);
      out.writeInt(0);
      out.flush();
    }
    var _ = copy(null, new CRC32());
  }

  /** What was there is gone on with only if it is a file of ours that nothing else leads to. */
  private static FileChannel open(Path part, boolean goOn) throws IOException {
    boolean isOurs =
        goOn
            && Files.isRegularFile(part, NOFOLLOW)
            && Files.getAttribute(part, "unix:uid", NOFOLLOW).equals(uid())
            && Files.getAttribute(part, "unix:nlink", NOFOLLOW).equals(1);
    if (isOurs) {
      return FileChannel.open(part, StandardOpenOption.READ, StandardOpenOption.WRITE, NOFOLLOW);
    }
    Files.deleteIfExists(part);
    return FileChannel.open(
        part,
        Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW),
        OWN_FILE);
  }

  private static Object uid() throws IOException {
    return Files.getAttribute(Path.of("/proc/self"), "unix:uid");
  }

  private boolean write(FileChannel channel, Path file, boolean isLong) throws IOException {
    CRC32 checksum = new CRC32();
    Pieces pieces = new Pieces(channel, null);
    if (isLong) {
      long there = sum(channel, checksum);
      long begin = begin(there, (int) checksum.getValue());
      if (begin != there) {
        checksum.reset();
        channel.truncate(0);
      }
      log.moved(begin);
      pieces.position = begin;
      bytes += begin;
    }
    long before = bytes - pieces.position;
    boolean good = copy(pieces, checksum);
    if (good) {
      try {
        pieces.finish();
      } catch (IOException e) {
        pieces.fault = e;
      }
    }
    if (pieces.fault != null) {
      problem(file, pieces.fault);
    } else if (!good && !givenUp) {
      problem(file, new IOException("its checksum is wrong"));
    }
    if (!good || pieces.fault != null) {
      bytes = before;
    }
    return good && pieces.fault == null;
  }

  /** Tells the sender what there is, and returns where it goes on. */
  private long begin(long there, int checksum) throws IOException {
    out.writeLong(there);
    out.writeInt(checksum);
    out.flush();
    return in.readLong();
  }

  private long sum(FileChannel channel, CRC32 checksum) throws IOException {
    long position = 0;
    int read;
    while ((read = channel.read(ByteBuffer.wrap(piece), position)) > 0) {
      checksum.update(piece, 0, read);
      position += read;
    }
    return position;
  }

  private boolean givenUp;

  /** Takes a file's pieces up to its end; false: it is not whole. */
  private boolean copy(@Nullable Pieces pieces, CRC32 checksum) throws IOException {
    givenUp = false;
    while (true) {
      int record = in.readUnsignedByte();
      switch (record) {
        case Format.DATA, Format.ZEROS -> {
          int length = in.readInt();
          if (length < 1 || length > piece.length) {
            throw new IOException("the sender's stream is broken: a piece of " + length + " bytes");
          }
          if (record == Format.DATA) {
            in.readFully(piece, 0, length);
          } else {
            java.util.Arrays.fill(piece, 0, length, (byte) 0);
          }
          checksum.update(piece, 0, length);
          if (pieces != null) {
            pieces.take(record, length);
            bytes += length;
          }
          log.moved(length);
        }
        case Format.FILE_END -> {
          return in.readInt() == (int) checksum.getValue() && pieces != null;
        }
        case Format.GIVEN_UP -> {
          givenUp = true;
          return false;
        }
        default -> throw new IOException("the sender's stream is broken: record " + record);
      }
    }
  }

  /** Where a file's pieces go; of what is wrong there it is told when all of them were read. */
  private final class Pieces {
    private final @Nullable FileChannel channel;
    private final @Nullable OutputStream stream;
    private long position;
    private boolean endsWithHole;
    private @Nullable IOException fault;

    Pieces(@Nullable FileChannel channel, @Nullable OutputStream stream) {
      this.channel = channel;
      this.stream = stream;
    }

    void take(int record, int length) throws IOException {
      if (stream != null) {
        stream.write(piece, 0, length);
      } else if (fault == null && channel != null) {
        try {
          write(channel, record, length);
        } catch (IOException e) {
          fault = e;
        }
      }
    }

    private void write(FileChannel to, int record, int length) throws IOException {
      endsWithHole = record == Format.ZEROS;
      if (!endsWithHole) {
        ByteBuffer data = ByteBuffer.wrap(piece, 0, length);
        long at = position;
        while (data.hasRemaining()) {
          at += to.write(data, at);
        }
      }
      position += length;
    }

    void finish() throws IOException {
      if (channel != null && endsWithHole) {
        channel.write(ByteBuffer.wrap(new byte[1]), position - 1);
      }
      if (channel != null) {
        channel.truncate(position);
      }
    }
  }
}
