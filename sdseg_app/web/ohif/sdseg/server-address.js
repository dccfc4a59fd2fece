// The MONAI Label panel reads the address of its server from this cookie; without it, it guesses port 8000.
const COOKIE = 'MONAILABEL_SERVER_URL';

export function presetServer() {
  // The panel writes the cookie without a path, which is that of the page: remove what an older visit left there.
  const folder = window.location.pathname.replace(/[^/]*$/, '');
  for (const path of new Set([folder, folder.replace(/\/$/, ''), '/ohif/', '/ohif'])) {
    document.cookie = `${COOKIE}=; path=${path || '/'}; max-age=0`;
  }
  document.cookie = `${COOKIE}=${encodeURIComponent(`${window.location.origin}/`)}; path=/; samesite=strict`;
}
